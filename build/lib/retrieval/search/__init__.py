"""From a query to recommended photos."""
