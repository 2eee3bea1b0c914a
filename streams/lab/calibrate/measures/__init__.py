"""What a history says: each module measures one thing of it. May import `history` only."""
