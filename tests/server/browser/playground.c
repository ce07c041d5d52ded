/* Does what its first argument says, so that a page can be seen to show it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int greet(void) {
  puts("Hello from the first version");
  return 0;
}

static int tell(int argc, char **argv) {
  char line[80];
  for (int i = 2; i < argc; i++) printf("argument %d is [%s]\n", i, argv[i]);
  printf("NAME is %s\n", getenv("NAME"));
  while (fgets(line, sizeof line, stdin)) printf("read %s", line);
  fputs("this went to stderr\n", stderr);
  return 7;
}

__attribute__((noinline)) static int descend(int depth) {
  if (depth == 0) __builtin_trap();
  return descend(depth - 1) + 1;
}

static int spin(void) {
  puts("about to spin");
  for (volatile unsigned turns = 0;; turns++) {
  }
}

static int flood(void) {
  char line[1001];
  memset(line, '#', 999);
  memcpy(line + 999, "\n", 2);
  for (int i = 0; i < 105000; i++) fputs(line, stdout);
  puts("the flood has ended");
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) return greet();
  if (!strcmp(argv[1], "tell")) return tell(argc, argv);
  if (!strcmp(argv[1], "trap")) return descend(3);
  if (!strcmp(argv[1], "spin")) return spin();
  if (!strcmp(argv[1], "flood")) return flood();
  if (!strcmp(argv[1], "sleep")) return sleep(1);
  return 1;
}
