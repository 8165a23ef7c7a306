"""What is made of the words of the trade: documents, JSON, texts; no protocol and no page."""
