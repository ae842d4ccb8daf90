"""Why an access to a file failed, in words."""

import os


def reason_of(error: OSError | ValueError) -> str:
    """Return why the operating system, or Python, refused a path, such as "Permission denied".

    Python refuses a null character in a path with a ValueError.
    """
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else str(error)
