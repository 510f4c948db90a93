//! *Student*: accuracy against ε over rounds, and what the newest student confuses; the operator's word.

use askama::Template;
use axum::extract::State;
use chart::{Axis, Chart, Curve, Mark, Matrix, Scale};
use protocol::wire::StudentView;

use super::Unfounded;
use crate::{
    app::App,
    dashboard::{
        frame::{Frame, Page, Visitor, founded, show},
        words::{Drawing, Moment, Short, count, epsilon, percent},
    },
};

struct Line {
    at: Moment,
    rounds: usize,
    labels: String,
    unlabelled: String,
    method: String,
    held_out: String,
    accuracy: String,
    epsilon: String,
    contradicted: String,
    events: String,
    head: Short,
}

struct Recall {
    class: String,
    recall: String,
}

#[derive(Template)]
#[template(path = "student.html")]
struct StudentPage {
    frame: Frame,
    lines: Vec<Line>,
    delta: String,
    chart: Option<Drawing>,
    matrix: Option<Drawing>,
    recalls: Vec<Recall>,
    newest: Option<Moment>,
    calibration: Option<String>,
}

pub(in crate::dashboard) async fn student(visitor: Visitor, State(app): State<App>) -> Page {
    let mut tx = app.storage.read().await?;
    let frame = Frame::new(&app, &mut tx, &visitor, ("/student", "Student".to_owned())).await?;
    let Some(row) = founded(&mut tx).await? else { return show(&Unfounded { frame }) };
    let students = tx.students().await?;
    drop(tx);
    let classes = row.founding.config.classes;
    let measured = students.iter().rev().find(|student| student.result.accuracy.is_some());
    show(&StudentPage {
        frame,
        delta: row.founding.config.privacy.delta.to_string(),
        chart: chart(&students),
        matrix: measured.and_then(|student| matrix(student, &classes)),
        recalls: measured.map(|student| recalls(student, &classes)).unwrap_or_default(),
        newest: measured.map(|student| Moment(student.reported_at)),
        calibration: measured.and_then(|student| student.result.calibration_error).map(|e| format!("{e:.3}")),
        lines: students.iter().rev().map(line).collect(),
    })
}

fn line(student: &StudentView) -> Line {
    let result = &student.result;
    Line {
        at: Moment(student.reported_at),
        rounds: result.rounds.len(),
        labels: count(result.labels),
        unlabelled: count(result.unlabelled),
        method: result.method.clone(),
        held_out: count(result.held_out),
        accuracy: result.accuracy.map_or_else(|| "not measured".to_owned(), percent),
        epsilon: epsilon(result.epsilon.person.public),
        contradicted: count(result.contradicted),
        events: count(result.events),
        head: Short(result.head),
    }
}

fn chart(students: &[StudentView]) -> Option<Drawing> {
    let mut points: Vec<(f64, f64)> = students
        .iter()
        .filter_map(|student| Some((student.result.epsilon.person.public?, 100.0 * student.result.accuracy?)))
        .collect();
    if points.is_empty() {
        return None;
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mark = |(epsilon, accuracy): &(f64, f64)| Mark {
        at: (*epsilon, *accuracy),
        text: format!("{accuracy:.1} % at ε = {epsilon:.3}"),
    };
    let chart = Chart {
        title: "Accuracy against ε (one person, public view)".to_owned(),
        description: "One point for each student; the table below has the same figures.".to_owned(),
        x: Axis { label: "ε of all labels released by then".to_owned(), scale: Scale::Linear },
        y: Axis { label: "accuracy on held-out instances, %".to_owned(), scale: Scale::Linear },
        curves: vec![Curve { name: "students".to_owned(), marks: points.iter().map(mark).collect(), points }],
    };
    Some(Drawing(chart.to_inline_svg()))
}

fn matrix(student: &StudentView, classes: &[String]) -> Option<Drawing> {
    let result = &student.result;
    if result.confusion.is_empty() {
        return None;
    }
    let accuracy = result.accuracy?;
    let matrix = Matrix {
        title: format!("{} of {} answers are right", percent(accuracy), count(result.held_out)),
        description: "A table of true classes against answers; each cell says its count.".to_owned(),
        classes: classes.to_vec(),
        counts: result.confusion.clone(),
    };
    Some(Drawing(matrix.to_inline_svg()))
}

fn recalls(student: &StudentView, classes: &[String]) -> Vec<Recall> {
    let shown = |recall: &Option<f64>| recall.map_or_else(|| "no instance".to_owned(), percent);
    let pairs = classes.iter().zip(&student.result.recall);
    pairs.map(|(class, recall)| Recall { class: class.clone(), recall: shown(recall) }).collect()
}
