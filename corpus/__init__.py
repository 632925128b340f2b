"""The WuDao corpus builder: what happens to a document. Knows no engine."""
