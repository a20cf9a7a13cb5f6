"""What a whole run of tests costs: counted for each test, held to a budget file, and told."""
