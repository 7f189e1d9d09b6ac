"""How far may it go? Budgets and quotas, the windows they count in, and counters that say how far each is used."""
