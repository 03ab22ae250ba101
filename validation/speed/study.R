# The default study as one would write it in R: MatchIt, survival, cmprsk, survminer.
# Rscript validation/speed/study.R RESULTS EXPORT.csv [EXPORT.csv ...]
# Debian: r-base-core r-cran-data.table r-cran-matchit r-cran-survival r-cran-cmprsk
#         r-cran-survminer r-cran-ggplot2
suppressPackageStartupMessages({
  library(data.table)
  library(MatchIt)
  library(survival)
  library(cmprsk)
  library(survminer)
  library(ggplot2)
})

arguments <- commandArgs(trailingOnly = TRUE)
results <- arguments[1]
exports <- arguments[-1]
dir.create(results, showWarnings = FALSE, recursive = TRUE)
save <- function(table, name) fwrite(table, file.path(results, name), sep = "\t")

# cohort -------------------------------------------------------------------------------------------
names <- c(
  patient_id = "Patient ID", record = "Record number recode", year = "Year of diagnosis",
  sex = "Sex", age = "Age recode with single ages and 90+", histology = "Histologic Type ICD-O-3",
  behavior = "Behavior code ICD-O-3", grade = "Derived Summary Grade 2018 (2018+)",
  size = "Tumor Size Summary (2016+)", er = "ER Status Recode Breast Cancer (1990+)",
  pr = "PR Status Recode Breast Cancer (1990+)", her2 = "Derived HER2 Recode (2010+)",
  subtype = "Breast Subtype (2010+)", t = "Derived EOD 2018 T Recode (2018+)",
  n = "Derived EOD 2018 N Recode (2018+)", m = "Derived EOD 2018 M Recode (2018+)",
  months = "Survival months", cause = "SEER cause-specific death classification",
  other = "SEER other cause of death classification"
)
d <- rbindlist(lapply(exports, fread, colClasses = "character", na.strings = NULL, select = unname(names)))
setnames(d, names, names(names))

flow <- data.table(criterion = "records", remaining = nrow(d))
keep <- function(d, name, condition) {
  d <- d[condition]
  flow <<- rbind(flow, data.table(criterion = name, remaining = nrow(d)))
  d
}
known <- c("Positive", "Negative")
d <- keep(d, "malignant, M0 or M0(i+)", d$behavior == "Malignant" & d$m %in% c("M0", "M0(i+)"))
d <- keep(d, "female", d$sex == "Female")
d[, age := suppressWarnings(as.integer(sub(" years", "", age)))]
d <- keep(d, "age 18-89", !is.na(d$age) & d$age >= 18 & d$age <= 89)
d <- keep(d, "T1-T4", grepl("^T[1-4]", d$t))
d <- keep(d, "N0-N3", grepl("^N[0-3]", d$n))
d <- keep(d, "grade", d$grade %in% c("1", "2", "3", "A", "B", "C"))
d[, size := suppressWarnings(as.integer(size))]
d <- keep(d, "size 1-988", !is.na(d$size) & d$size >= 1 & d$size <= 988)
d <- keep(d, "receptors", d$er %in% known & d$pr %in% known & d$her2 %in% known &
  grepl("^HR", d$subtype))
d[, months := suppressWarnings(as.integer(months))]
d <- keep(d, "cause and survival known", !is.na(d$months) &
  d$cause %in% c("Alive or dead of other cause", "Dead (attributable to this cancer dx)") &
  d$other %in% c("Alive or dead due to cancer", "Dead (attributable to causes other than this cancer dx)"))
d <- d[order(patient_id, as.integer(record))][!duplicated(patient_id)]
flow <- rbind(flow, data.table(criterion = "one tumor per patient", remaining = nrow(d)))
save(flow, "attrition.tsv")

d[, `:=`(
  group = as.integer(m == "M0(i+)"),
  histology = factor(fifelse(histology %in% c("8500", "8522"), "IDC", "Other")),
  grade = factor(fifelse(grade %in% c("3", "C"), "III", "I-II")),
  t = factor(fifelse(grepl("^T[34]", t), "T3-T4", "T1-T2")),
  n = factor(fifelse(grepl("^N[123]", n), "N1-N3", "N0")),
  er = factor(er), pr = factor(pr), her2 = factor(her2),
  subtype = factor(subtype, c("HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-")),
  event = fcase(
    cause == "Dead (attributable to this cancer dx)", 1L,
    other == "Dead (attributable to causes other than this cancer dx)", 2L, default = 0L
  )
)]
saveRDS(d, file.path(results, "cohort.rds"), compress = FALSE)

# matching and balance -----------------------------------------------------------------------------
terms <- c("age", "size", "histology", "grade", "er", "pr", "her2", "subtype", "t", "n")
fit <- matchit(reformulate(terms, "group"), d, method = "nearest", distance = "glm",
  link = "linear.logit", ratio = 2, caliper = 0.2)
matched <- as.data.table(match.data(fit))
saveRDS(matched, file.path(results, "matched.rds"), compress = FALSE)
balance <- summary(fit)
smd <- data.table(term = rownames(balance$sum.all), before = balance$sum.all[, 3],
  after = balance$sum.matched[, 3])
save(smd, "balance.tsv")

characteristics <- function(d) {
  rbindlist(lapply(terms, function(term) {
    x <- d[[term]]
    if (is.numeric(x)) {
      q <- d[, .(cell = sprintf("%.0f (%.0f-%.0f)", median(get(term)), quantile(get(term), .25),
        quantile(get(term), .75))), by = group][order(group)]
      p <- wilcox.test(x ~ d$group, exact = FALSE)$p.value
      data.table(term, level = "", reference = q$cell[1], exposed = q$cell[2], p)
    } else {
      counts <- table(x, d$group)
      p <- suppressWarnings(chisq.test(counts, correct = FALSE)$p.value)
      cells <- matrix(sprintf("%d (%.2f%%)", counts, 100 * prop.table(counts, 2)), ncol = 2)
      data.table(term, level = rownames(counts), reference = cells[, 1], exposed = cells[, 2], p)
    }
  }))
}
save(characteristics(d), "table1.tsv")
save(characteristics(matched), "table2.tsv")

# overall survival ---------------------------------------------------------------------------------
matched[, dead := as.integer(event > 0)]
km <- survfit(Surv(months, dead) ~ group, matched)
logrank <- survdiff(Surv(months, dead) ~ group, matched)
cox <- function(terms) {
  fit <- coxph(reformulate(terms, "Surv(months, dead)"), matched)
  s <- summary(fit)
  data.table(term = rownames(s$conf.int), hr = s$conf.int[, 1], low = s$conf.int[, 3],
    high = s$conf.int[, 4], p = s$coefficients[, 5])
}
all_terms <- c(terms, "group")
univariable <- lapply(all_terms, cox)
significant <- all_terms[sapply(univariable, function(x) min(x$p, na.rm = TRUE) < 0.05)]
table3 <- rbind(
  rbindlist(univariable)[, model := "univariable"],
  suppressWarnings(cox(union(significant, "group")))[, model := "multivariable"],
  cox(c("age", "size", "histology", "grade", "subtype", "t", "n", "group"))[, model := "recommended"]
)
save(table3, "table3.tsv")

# competing risks ----------------------------------------------------------------------------------
incidence <- cuminc(matched$months, matched$event, matched$group, cencode = 0)
curves <- incidence[names(incidence) != "Tests"]
save(rbindlist(lapply(names(curves), function(name) data.table(curve = name,
  time = curves[[name]]$time, incidence = curves[[name]]$est, variance = curves[[name]]$var))),
  "incidence.tsv")
fine_gray <- function(terms) {
  X <- model.matrix(reformulate(terms), matched)[, -1, drop = FALSE]
  X <- X[, qr(X)$pivot[seq_len(qr(X)$rank)], drop = FALSE]
  s <- summary(crr(matched$months, matched$event, X))
  data.table(term = rownames(s$coef), hr = s$conf.int[, 1], low = s$conf.int[, 3],
    high = s$conf.int[, 4], p = s$coef[, 5])
}
univariable <- lapply(all_terms, fine_gray)
significant <- all_terms[sapply(univariable, function(x) min(x$p, na.rm = TRUE) < 0.05)]
table4 <- rbind(
  rbindlist(univariable)[, model := "univariable"],
  fine_gray(union(significant, "group"))[, model := "multivariable"],
  fine_gray(c("age", "size", "histology", "grade", "subtype", "t", "n", "group"))[, model := "recommended"]
)
save(table4, "table4.tsv")

# figures ------------------------------------------------------------------------------------------
pdf(NULL)  # else what is arranged is drawn into Rplots.pdf as well
both <- function(name, plot, width = 7, height = 5) {
  ggsave(file.path(results, paste0(name, ".png")), plot, width = width, height = height, dpi = 300)
  ggsave(file.path(results, paste0(name, ".pdf")), plot, width = width, height = height)
}
boxes <- ggplot(flow, aes(0, -seq_along(criterion), label = paste0(criterion, "\nn = ",
  format(remaining, big.mark = ",")))) + geom_label() + theme_void()
both("figure1", boxes)
love <- ggplot(melt(smd, id.vars = "term"), aes(abs(value), term, colour = variable)) +
  geom_vline(xintercept = 0.1, linetype = 2) + geom_point() + theme_classic()
both("figure2", love)
survival <- ggsurvplot(km, matched, conf.int = TRUE, pval = TRUE, risk.table = TRUE)
both("figure3", arrange_ggsurvplots(list(survival), print = FALSE)[[1]])
incidence_plot <- ggcompetingrisks(incidence)
both("figure4", incidence_plot)
cat(sprintf("%d patients, %d matched, log-rank p %.3f, Gray p %.3f\n", nrow(d), nrow(matched),
  pchisq(logrank$chisq, 1, lower.tail = FALSE), incidence$Tests[1, 2]))
