/* The subcommands, in the order of `inferd --help`: X(name) with `const struct command
 * command_<name>`. */
X(version)
X(pull)
