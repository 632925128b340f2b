"""Take-down: finding what a request names, tombstones against its return, the certificate of its removal."""
