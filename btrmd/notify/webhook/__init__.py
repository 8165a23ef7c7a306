"""The webhook: events as HTTPS POSTs, to chats and to servers of one's own."""
