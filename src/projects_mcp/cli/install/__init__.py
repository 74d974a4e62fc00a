"""The entry for a client: its content for each client, and its way into the client's file."""
