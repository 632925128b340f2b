"""The sections of the data card, one file a subject: plain functions from facts to markup."""
