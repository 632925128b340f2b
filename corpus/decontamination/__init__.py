"""Finding evaluation items in a corpus by the character n-grams that they share with its documents."""
