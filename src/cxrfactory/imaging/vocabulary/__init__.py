"""The words of views and body parts, as tables, and how a text is looked up in them."""
