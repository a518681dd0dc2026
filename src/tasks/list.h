/* The tasks: X(name) with `const task task_<name>`. */
X(feature_extraction)
X(sentence_similarity)
X(fill_mask)
X(text_classification)
X(token_classification)
X(question_answering)
X(zero_shot_classification)
X(text_ranking)
