"""Addresses of the desk and the office."""

from __future__ import annotations

from django.urls import path

from ersr.faces.web import deciding, desk, desk_lists, ledger, office, outbox, recoveries, screening, signing

urlpatterns = [
    path("desk", desk.queue, name="desk"),
    path("desk/<str:ref>", desk.case, name="desk-case"),
    path("desk/<str:ref>/take", desk.take, name="desk-take"),
    path("desk/<str:ref>/call", desk.call, name="desk-call"),
    path("desk/<str:ref>/ask", desk.ask, name="desk-ask"),
    path("desk/<str:ref>/conclude", desk.conclude, name="desk-conclude"),
    path("desk/<str:ref>/history", desk.history, name="desk-history"),
    path("desk/<str:ref>/evidence/<int:pk>", desk.evidence, name="desk-evidence"),
    path("desk/<str:ref>/lines", desk_lists.lines, name="desk-lines"),
    path("desk/<str:ref>/lists/<int:number>", desk_lists.name_list, name="desk-list"),
    path("desk/<str:ref>/lists/<int:number>/hits", screening.hit_list, name="desk-hits"),
    path("desk/<str:ref>/lists/<int:number>/hits.csv", screening.hits_csv, name="desk-hits-csv"),
    path("desk/<str:ref>/lists/<int:number>/names.txt", desk_lists.names_txt, name="desk-names"),
    path("desk/<str:ref>/assess", deciding.assess, name="desk-assess"),
    path("desk/<str:ref>/privileged", deciding.privileged, name="desk-privileged"),
    path("desk/<str:ref>/decide", deciding.decide, name="desk-decide"),
    path("desk/<str:ref>/sign", signing.sign, name="desk-sign"),
    path("desk/<str:ref>/previews/<int:pk>.pdf", signing.preview_pdf, name="desk-preview"),
    path("desk/<str:ref>/serve", signing.serve, name="desk-serve"),
    path("parties", office.parties, name="parties"),
    path("parties/<slug:key>", office.party, name="party"),
    path("people", office.people, name="people"),
    path("recoveries", recoveries.recoveries, name="recoveries"),
    path("provisions", office.provisions, name="provisions"),
    path("popularity", office.popularity, name="popularity"),
    path("outbox", outbox.outbox, name="outbox"),
    path("ledger", ledger.ledger, name="ledger"),
]
