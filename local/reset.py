"""`make reset`: forget the data of PORT's stack."""

import sys

from local import state
from local.ports import chosen_port
from local.trouble import Trouble

if __name__ == "__main__":
    try:
        folder = state.folder(chosen_port())
        state.forget(folder)
    except (Trouble, PermissionError) as trouble:
        sys.exit(f"backroom: {trouble}")
    print(f"{folder.relative_to(state.ROOT)} is empty: the next make run starts afresh.")
