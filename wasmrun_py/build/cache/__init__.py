"""What earlier builds made, found again by their key: action records (JSON) and blobs (bytes by SHA-256).

``store`` is the Protocol of a place that keeps them, ``local`` the folder of this machine; ``record`` is what
an action says, ``build_cache`` is what a build asks. How a key comes about is ``fingerprint``'s business.
"""
