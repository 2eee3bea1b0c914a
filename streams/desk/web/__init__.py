"""How browsers talk to the desk: who may, what they are told as it happens, and what they can ask."""
