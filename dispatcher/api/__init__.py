"""What other systems of the company may ask for, over HTTP. docs/api.md tells it to them."""
