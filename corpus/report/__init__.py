"""The data card of a build: one HTML file that needs nothing but itself."""
