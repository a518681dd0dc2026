/* The subcommands, in the order of `inferd --help`: X(name) with `const struct command
 * command_<name>`. */
X(serve)
X(worker)
X(run)
X(bench)
X(pull)
X(models)
X(add)
X(remove)
X(token)
X(version)
