"""From inside a box, against everything outside it; each attack says what it could do, each test looks from outside."""
