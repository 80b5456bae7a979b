"""The reader study: which lesions are shown, how they are drawn, the page, its key, and answers."""
