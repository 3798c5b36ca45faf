#!/usr/bin/env node
// Stands in the checkout before anything is built, so that npm links the command at install.
require("../dist/cli/main.js");
