"""Reading Python: files, notebooks, scopes and what a name stands for."""
