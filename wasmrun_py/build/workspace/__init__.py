"""Build the members of a workspace: in the order they need, side by side, as far as something changed.

``graph`` is who depends on whom, ``schedule`` runs jobs in threads, ``changes`` asks git what changed and
``affected`` whom that concerns; ``plan`` decides, ``run`` does it. How one project is built is ``compile``'s
business.
"""
