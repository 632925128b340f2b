"""Quality of a text: signals (measured), profiles (thresholds), decisions and their explanation."""
