"""The web as input: a polite crawler that writes WARC, and Common Crawl by its index."""
