"""Addresses of the portal. The names are what core/lifecycle.py calls pages."""

from __future__ import annotations

from django.urls import include, path

from ersr.faces.web import account, adding, case, filing, public, waivers

urlpatterns = [
    path("", public.home, name="home"),
    path("verify", public.check, name="verify"),
    path("about", public.about, name="about"),
    path("keys", public.keys, name="keys"),
    path("offline", public.offline, name="offline"),
    path("signin", account.signin, name="signin"),
    path("signout", account.signout, name="signout"),
    path("enrol/<str:code>", account.enrol, name="enrol"),
    path("account", account.account, name="account"),
    path("told", account.told, name="told"),
    path("kept/<str:key>", account.kept, name="kept"),
    path("file", filing.start, name="file"),
    path("file/six", filing.six, name="file-six"),
    path("file/check", filing.check, name="file-check"),
    path("r/<str:ref>", case.case, name="case"),
    path("r/<str:ref>/receipt", filing.receipt, name="receipt"),
    path("r/<str:ref>/receipt.json", filing.receipt_json, name="receipt-json"),
    path("r/<str:ref>/add/<str:part>", adding.add, name="add"),
    path("r/<str:ref>/lists/<int:number>", adding.name_list, name="list"),
    path("r/<str:ref>/lists/<int:number>/names.txt", adding.names, name="list-names"),
    path("r/<str:ref>/evidence/<int:pk>", adding.evidence, name="evidence"),
    path("r/<str:ref>/answer", case.answer, name="answer"),
    path("r/<str:ref>/withdraw", case.withdraw, name="withdraw"),
    path("w/<str:ref>", waivers.waiver, name="waiver"),
    path("w/<str:ref>/ack", waivers.ack, name="ack"),
    path("w/<str:ref>/waiver.pdf", waivers.waiver_pdf, name="waiver-pdf"),
    path("w/<str:ref>/waiver.sd-jwt", waivers.waiver_token, name="waiver-token"),
    path("", include("ersr.faces.web.desk_urls")),
]
