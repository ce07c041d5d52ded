import platform
import sys


def main() -> None:
    for who in sys.argv[1:] or ["{{name}}"]:
        print(f"Hello, {who}!")
    print(f"This is Python {platform.python_version()} in your browser.")


if __name__ == "__main__":
    main()
