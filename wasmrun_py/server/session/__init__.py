"""Watch, build, and say what there is to serve: the ``Session`` that ``http`` sees.

Values come first (``outcome``, ``changes``), then what makes something to serve (``project_source`` through
``build_worker`` and its child, ``file_source``), what notices changes (``watcher``, ``snapshot``,
``change_judge``), and ``dev_session``, which puts them together in one event loop. What must not enter:
HTTP, and the terminal.
"""
