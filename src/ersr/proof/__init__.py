"""What is signed, how it is kept, and how anyone checks it without us. No Django, no network."""
