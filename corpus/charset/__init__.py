"""From bytes off the web to text: content encodings, declared charsets, statistics over common characters."""
