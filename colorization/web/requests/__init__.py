"""What browsers and programs may ask of the page, and what is checked before it is done."""
