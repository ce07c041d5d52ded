"""Watch, build, and say what there is to serve. No HTTP in here."""
