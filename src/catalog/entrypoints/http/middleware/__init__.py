"""What runs around the routes."""
