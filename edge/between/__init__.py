"""What crosses threads: messages to the core, the board that pages see, and the words all of them share."""
