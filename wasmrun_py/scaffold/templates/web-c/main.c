#include <stdio.h>

int main(void) {
    printf("Hello from {{name}}, in the browser!\n");
    return 0;
}
