"""What the commands of ``wudao`` do, one file each."""
