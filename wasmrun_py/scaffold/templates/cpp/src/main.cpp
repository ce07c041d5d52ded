#include <iostream>
#include <string>
#include <vector>

#include "greeting.hpp"

int main(int argc, char **argv) {
    std::vector<std::string> people(argv + 1, argv + argc);
    if (people.empty()) {
        people.push_back("{{name}}");
    }
    for (const auto &who : people) {
        std::cout << greeting(who) << '\n';
    }
    return 0;
}
