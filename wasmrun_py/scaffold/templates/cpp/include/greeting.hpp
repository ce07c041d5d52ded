#pragma once

#include <string>

/// The greeting for one person.
std::string greeting(const std::string &who);
