"""What the linter found: findings, their fixes and fingerprints, and the formats that show them."""
