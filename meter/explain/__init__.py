"""How did a line of an invoice come about? In figures that anybody can check, and in words."""
