/* How close a document is to a query where both are a vector for each token (ColBERT): for each row
 * of the query the largest product with a row of the document, summed up. */
#pragma once

/* rows [n][width] column by column: turned [width][n]. */
void maxsim_turn(const float *rows, int n, int width, float *turned);

/* query: turned, n_query rows. document: [n_rows][width]. work: [2 * n_query]. A document without
 * rows is worse than any other, as the reference has it: -1e9. */
double maxsim(const float *query, int n_query, const float *document, int n_rows, int width,
              float *work);
