/* The tasks: X(name) with `const task task_<name>`. */
X(feature_extraction)
X(sentence_similarity)
