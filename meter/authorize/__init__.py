"""May this call go on? Sets apart what it may use of limits and credits, and books what it did use: all or nothing."""
