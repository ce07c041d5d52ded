"""What happened, for machines that were not watching: SARIF, JUnit, GitHub, GitLab, Markdown, events.

``outcome`` is what every format is written from; one module a format turns it into text; ``request`` reads
``FORMAT=FILE`` and ``render`` picks the format. Nothing here builds, prints, or knows the command line.
"""
