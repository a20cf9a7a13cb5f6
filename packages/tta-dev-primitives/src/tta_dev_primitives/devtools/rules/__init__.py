"""The rules of the linter, one small module each, with the page that explains them."""
