import sys


def greeting(who: str) -> str:
    return f"Hello, {who}!"


def main() -> None:
    for who in sys.argv[1:] or ["{{name}}"]:
        print(greeting(who))


if __name__ == "__main__":
    main()
