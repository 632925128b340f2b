"""Labels of documents: domains (medicine, law, finance, ...) and source types (news, forum, Q&A, ...)."""
